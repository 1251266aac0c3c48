#!/bin/bash
#SBATCH -D @SHARED@ -o /dev/null
#SBATCH -d afterok:@second@
echo never >> order.txt
