"""The pages that people read are true."""
