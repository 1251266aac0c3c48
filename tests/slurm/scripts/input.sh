#!/bin/bash
#SBATCH -D @DIR@
#SBATCH -i given.txt
#SBATCH -o sorted.txt
sort -r
