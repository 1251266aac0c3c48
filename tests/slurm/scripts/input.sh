#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#SBATCH -D @DIR@
#SBATCH -i given.txt
#SBATCH -o sorted.txt
sort -r
