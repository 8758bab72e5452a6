"""The checks of the Flutter app: section E of the runbook, by parsing Dart."""
