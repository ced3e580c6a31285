"""Review: what a person sees of failures that wait for a decision, alike in the browser and the terminal."""
