"""The gold views, in Streamlit."""
