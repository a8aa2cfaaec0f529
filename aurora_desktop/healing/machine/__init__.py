"""The machine: what runs low and is cleaned up, what will run out, and which settings should be others."""
