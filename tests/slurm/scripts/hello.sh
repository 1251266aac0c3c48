#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#SBATCH -J hello
#SBATCH -D @DIR@
#SBATCH -n 1 -t 5 --mem=50
echo "hello from $(pwd)"
echo "and this is an error" >&2
