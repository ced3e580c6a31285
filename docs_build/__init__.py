"""What is made from the code for the documentation: reference pages, pictures, and the checks of the finished site."""
