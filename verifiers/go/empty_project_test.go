package chatauth_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// The program is the one of docs/go.md, so that the page stays true.
func TestAnEmptyProjectUsesTheModuleOffline(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "go.md"))
	if err != nil {
		t.Fatal(err)
	}
	program := regexp.MustCompile("(?s)```go\n(.*?)```").FindSubmatch(page)
	if program == nil {
		t.Fatal("docs/go.md has no program")
	}
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "main.go"), program[1], 0o600); err != nil {
		t.Fatal(err)
	}
	module, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"mod", "init", "example.org/hello"},
		{"mod", "edit", "-require=chat-auth/chatauth@v0.0.0", "-replace=chat-auth/chatauth=" + module},
		{"build", "-o", "hello", "."},
	} {
		command := exec.Command("go", args...)
		command.Dir = folder
		command.Env = append(os.Environ(), "GOPROXY=off", "GOFLAGS=-mod=mod", "GOTOOLCHAIN=local")
		if output, err := command.CombinedOutput(); err != nil {
			t.Fatalf("go %v: %v\n%s", args, err, output)
		}
	}
	// Without its settings, the program says what is missing.
	hello := exec.Command(filepath.Join(folder, "hello"))
	hello.Env = []string{}
	output, err := hello.CombinedOutput()
	if err == nil || !regexp.MustCompile(`Options\.ServiceKey: must be`).Match(output) {
		t.Fatalf("got %v and %s", err, output)
	}
}
