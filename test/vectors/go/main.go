// Runs the templates of templates/*.txt through Go's own text/template and writes the results as
// JSON: the vectors that the tests compare our engine with.
//
// Each line of these files is a template. A line that begins with a quotation mark is a JSON string
// that contains a template. A line that begins with "## " is a comment. "#data " sets the data for
// the lines below it as JSON, and "#delims L R" sets their delimiters. Afterwards, the program renders
// the cases test/cases/go-*.
package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"text/template"
	"unicode/utf8"
)

type vector struct {
	Group    string          `json:"group"`
	Template string          `json:"template,omitempty"`
	Bytes    string          `json:"templateBase64,omitempty"`
	Delims   []string        `json:"delims,omitempty"`
	Data     json.RawMessage `json:"data,omitempty"`
	Result   *string         `json:"result,omitempty"`
	Raw      string          `json:"resultBase64,omitempty"`
	Sha256   string          `json:"resultSha256,omitempty"`
	Parse    string          `json:"parseError,omitempty"`
	Error    string          `json:"error,omitempty"`
}

func run(v *vector, text string) {
	if utf8.ValidString(text) {
		v.Template = text
	} else {
		v.Bytes = base64.StdEncoding.EncodeToString([]byte(text))
	}
	t := template.New("test.tmpl").Funcs(functions())
	if len(v.Delims) == 2 {
		t = t.Delims(v.Delims[0], v.Delims[1])
	}
	t, err := t.Parse(text)
	if err != nil {
		v.Parse = err.Error()
		return
	}
	var data interface{}
	if v.Data != nil {
		if err := json.Unmarshal(v.Data, &data); err != nil {
			panic(err)
		}
	}
	var out bytes.Buffer
	if err := t.Execute(&out, data); err != nil {
		v.Error = err.Error()
		return
	}
	switch b := out.Bytes(); {
	case len(b) > 10000:
		v.Sha256 = fmt.Sprintf("%x", sha256.Sum256(b))
	case !utf8.Valid(b):
		v.Raw = base64.StdEncoding.EncodeToString(b)
	default:
		s := string(b)
		v.Result = &s
	}
}

func main() {
	files, _ := filepath.Glob("templates/*.txt")
	sort.Strings(files)
	vectors := []vector{}
	for _, file := range files {
		group := strings.TrimSuffix(filepath.Base(file), ".txt")
		content, err := os.Open(file)
		if err != nil {
			panic(err)
		}
		var data json.RawMessage
		var delims []string
		lines := bufio.NewScanner(content)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			line := lines.Text()
			switch {
			case line == "" || strings.HasPrefix(line, "## "):
				continue
			case strings.HasPrefix(line, "#data "):
				data = json.RawMessage(line[6:])
				continue
			case strings.HasPrefix(line, "#delims"):
				delims = strings.Fields(line[7:])
				continue
			case line[0] == '"':
				if err := json.Unmarshal([]byte(line), &line); err != nil {
					panic(fmt.Sprint(file, ": ", line, err))
				}
			}
			v := vector{Group: group, Data: data, Delims: delims}
			run(&v, line)
			vectors = append(vectors, v)
		}
	}
	for _, text := range generated() {
		v := vector{Group: "generated"}
		run(&v, text)
		vectors = append(vectors, v)
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	encoder.Encode(map[string]interface{}{"keys": store, "vectors": vectors})
	fmt.Fprintln(os.Stderr, len(vectors), "vectors")
	writeCases()
}

// generated makes templates that a line of text cannot contain: bytes that are not UTF-8, and a byte order mark.
func generated() []string {
	return []string{
		"a\xff\xfeb{{len \"x\"}}\xc3",
		"{{\"a\xffb\"}}", "{{`a\xffb`}}", "{{len \"\xff\"}}", "{{len `\xff`}}",
		"\xef\xbb\xbf{{1}}", "{{/* \xff */}}x", "{{printf \"%q\" `\xe9t\xe9`}}",
	}
}
