#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#SBATCH -D @DIR@
#SBATCH -n4 -N1-1
#SBATCH --mem-per-cpu=30
#SBATCH -p main --nice=10
#SBATCH --requeue
echo "$SLURM_NTASKS tasks, $SLURM_CPUS_ON_NODE processors, $SLURM_MEM_PER_CPU each"
echo "restarts ${SLURM_RESTART_COUNT:-0}"
