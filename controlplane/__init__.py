"""The control plane: one web application that decides and shows, and never touches an event itself."""
