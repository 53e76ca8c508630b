"""What people see: Flask-Admin under our own look, over the one way in and the one way out."""
