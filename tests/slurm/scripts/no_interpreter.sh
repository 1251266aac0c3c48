#SBATCH -D @DIR@
echo without an interpreter
