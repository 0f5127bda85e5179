"""What welding and assembly know: seam frames, torch angles, windows, heat input. Values in, values out."""
