/* SPDX-License-Identifier: Apache-2.0 */
/* model_priv.h - what the files of the model share among themselves. */
#ifndef REEVE_MODEL_PRIV_H
#define REEVE_MODEL_PRIV_H

#include "core/model.h"

/* Free a job's own memory; whoever points to it goes too, or has been told. */
void job_free(struct m_job *j);
void dataset_free(struct m_dataset *d);
/* The order in which transfers start: by priority, then by age. */
bool transfer_goes_before(const void *a, const void *b);

#endif
