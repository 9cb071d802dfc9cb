"""What goes over HTTP in JSON, one module per noun."""
