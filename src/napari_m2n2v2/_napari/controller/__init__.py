"""What the dock does, without a widget: one file a job."""
