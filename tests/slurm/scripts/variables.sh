#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#SBATCH -J "job with spaces"
#SBATCH -D @DIR@
#SBATCH -c 2 --mem 120M
#SBATCH -N 1
#SBATCH -n 1
echo "name=$SLURM_JOB_NAME"
echo "cpus=$SLURM_CPUS_PER_TASK on node $SLURM_CPUS_ON_NODE"
echo "ntasks=$SLURM_NTASKS $SLURM_NPROCS $SLURM_TASKS_PER_NODE"
echo "memory=$SLURM_MEM_PER_NODE, by processor ${SLURM_MEM_PER_CPU-none}"
echo "nodes=$SLURM_NNODES $SLURM_JOB_NUM_NODES, node $SLURM_NODEID, rank $SLURM_PROCID, local $SLURM_LOCALID"
[ "$SLURM_JOB_ID" = "$SLURM_JOBID" ] && echo "one number"
[ "$(hostname -s)" = "$SLURMD_NODENAME" ] && echo "this node"
[ "$SLURM_JOB_NODELIST" = "$SLURM_NODELIST" ] && echo "one list"
echo "array=${SLURM_ARRAY_TASK_ID-none} restarts=${SLURM_RESTART_COUNT-none}"
[ -d "$SLURM_SUBMIT_DIR" ] && echo "submitted from a directory"
echo "environment=$ENVIRONMENT"
export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}
echo "threads=$OMP_NUM_THREADS"
