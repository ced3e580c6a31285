"""Pages: what people see in a browser, from templates and files of the package; nothing is loaded from elsewhere."""
