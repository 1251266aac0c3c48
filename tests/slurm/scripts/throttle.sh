#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#SBATCH -D @DIR@
#SBATCH -a 1,5,7-20:4%2
#SBATCH -o /dev/null
# No more than two at once: each looks how many are here.
mkdir "here.$SLURM_ARRAY_TASK_ID"
ls -d here.* | wc -l > "seen.$SLURM_ARRAY_TASK_ID.tmp"
sleep 0.3
rmdir "here.$SLURM_ARRAY_TASK_ID"
[ "$(cat "seen.$SLURM_ARRAY_TASK_ID.tmp")" -le 2 ] && echo fine > "ran.$SLURM_ARRAY_TASK_ID"
rm "seen.$SLURM_ARRAY_TASK_ID.tmp"
