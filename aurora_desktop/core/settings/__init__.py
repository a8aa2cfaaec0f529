"""Settings: one schema (`schema`), read from YAML or JSON with errors that say where (`loader`)."""
