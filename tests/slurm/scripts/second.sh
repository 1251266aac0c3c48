#!/bin/bash
#SBATCH -D @SHARED@ -o /dev/null
#SBATCH -d afterok:@first@
echo second >> order.txt
exit 1
