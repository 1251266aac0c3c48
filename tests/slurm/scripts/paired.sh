#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#SBATCH -D @SHARED@ -o /dev/null -a 1-4
#SBATCH -d aftercorr:@pairs@
cp "made.$SLURM_ARRAY_TASK_ID" "copied.$SLURM_ARRAY_TASK_ID"
