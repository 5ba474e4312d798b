"""The numbers, words and sentences that the app, the commands, the report and the study share."""
