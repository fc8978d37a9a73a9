"""What runs the network: one class a runtime behind `ports.Engine`, chosen in `select`."""
