package main

type promptsCommand struct{}

func promptLanguages() []string { return []string{"en", "fr", "es", "de", "hi", "zh", "pt", "it"} }
