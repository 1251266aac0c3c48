#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#SBATCH --array=2-10:4
#SBATCH --output=%x.%4a.log
#SBATCH --job-name=steps --chdir=@DIR@
for v in ID COUNT MIN MAX STEP; do
        name=SLURM_ARRAY_TASK_$v
        echo "$v=${!name}"
done
