/* SPDX-License-Identifier: Apache-2.0 */
/* facts.h - what kind of host this is. */
#ifndef REEVE_WORKER_FACTS_H
#define REEVE_WORKER_FACTS_H

#include <stdint.h>

struct facts {
        char hostname[256], os[256], machine[68];
        uint32_t cpus;
        uint64_t memory, disk_free, disk_total;
        char features[64];
        const char *linger; /* yes, no, unknown: may processes outlive the login? */
};

void facts_read(struct facts *ret);
uint64_t facts_memory_available(void);
uint32_t facts_load_milli(void);

/* One line of key=value pairs on standard output. */
int facts_print(void);

#endif
