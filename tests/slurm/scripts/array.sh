#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#SBATCH --chdir @DIR@
#SBATCH --array=1-5
#SBATCH -o out-%A_%a.txt
#SBATCH -e err-%A_%a.txt
#SBATCH --mem-per-cpu=20M
echo "task $SLURM_ARRAY_TASK_ID of $SLURM_ARRAY_TASK_COUNT, $SLURM_ARRAY_TASK_MIN to $SLURM_ARRAY_TASK_MAX"
echo "trouble $SLURM_ARRAY_TASK_ID" 1>&2
[ "$SLURM_ARRAY_JOB_ID" -gt 0 ] && [ -n "$SLURM_JOB_ID" ] && echo numbered
exit $((SLURM_ARRAY_TASK_ID % 3))
