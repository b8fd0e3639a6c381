// An app that knows only api.openai.com.  Prints a line for each answer: HTTP version, status, and its body.

package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

func ask(more string) error {
	body := `{"model":"gpt-4o","messages":[{"role":"user","content":"Hello"}]` + more + `}`
	request, err := http.NewRequest("POST", "https://api.openai.com/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("content-type", "application/json")
	request.Header.Set("authorization", "Bearer sk-hardcoded-in-the-app")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	fmt.Println(strings.Replace(answer.Proto, "/", "_", 1), answer.StatusCode, strings.ReplaceAll(string(text), "\n", "|"))
	return err
}

func main() {
	for _, more := range []string{"", `,"stream":true`} {
		if err := ask(more); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}
