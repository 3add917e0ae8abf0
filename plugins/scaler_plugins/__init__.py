"""The components that come with SCALER, registered through the same door as anybody's plugin."""
