"""An example of a SCALER plugin: two environments, a controller and a curator."""
