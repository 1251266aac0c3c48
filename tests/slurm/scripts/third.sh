#!/bin/bash
#SBATCH -D @SHARED@
#SBATCH --output=/dev/null
#SBATCH --dependency=afternotok:@second@,afterany:@first@
echo third >> order.txt
