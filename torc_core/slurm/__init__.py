"""Text of the Slurm scheduler, in and out; pure: what runs its commands is `torc_client.slurm`."""
