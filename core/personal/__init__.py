"""What a person may ask for: everything that is held about them, and that it be erased."""
