#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#SBATCH -D @SHARED@ -o /dev/null -a 1-4
sleep 0.$SLURM_ARRAY_TASK_ID
echo $((SLURM_ARRAY_TASK_ID * 10)) > "made.$SLURM_ARRAY_TASK_ID"
[ "$SLURM_ARRAY_TASK_ID" != 3 ]
