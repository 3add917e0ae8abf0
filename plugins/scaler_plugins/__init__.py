"""The components that come with SCALER, registered by entry points as any other plugin's are."""
