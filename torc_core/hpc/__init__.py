"""Profiles of HPC sites and the choice among their partitions; pure, a site is a data file."""
