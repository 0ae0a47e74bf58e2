package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"
)

// writeCases renders the cases test/cases/go-*: the template that conf.d names, with the keys in
// keys.json, to expected/. It omits cases that expect an error, and go-books, whose dialect Go no
// longer supports.
func writeCases() {
	folders, _ := filepath.Glob("../../cases/go-*")
	for _, folder := range folders {
		_, err := os.Stat(folder + "/expected-error.txt")
		if err == nil || filepath.Base(folder) == "go-books" {
			continue
		}
		check(os.MkdirAll(folder+"/expected", 0o755))
		conf := read(folder + "/conf.d/app.toml")
		store = map[string]string{}
		var keys map[string]interface{}
		check(json.Unmarshal([]byte(read(folder+"/keys.json")), &keys))
		flatten("", keys)
		out := render(folder+"/templates", setting(conf, "src"), conf, nil)
		check(os.WriteFile(filepath.Join(folder, "expected", setting(conf, "dest")), []byte(out), 0o644))
	}
}

func render(templates, name, conf string, data interface{}) string {
	functions := functions()
	functions["include"] = func(name string, data ...interface{}) string {
		var first interface{}
		if len(data) > 0 {
			first = data[0]
		}
		return render(templates, name, conf, first)
	}
	t := template.New(filepath.Base(name)).Funcs(functions)
	t.Delims(setting(conf, "left_delim"), setting(conf, "right_delim"))
	template.Must(t.Parse(read(filepath.Join(templates, name))))
	var out bytes.Buffer
	check(t.Execute(&out, data))
	return out.String()
}

func flatten(path string, keys map[string]interface{}) {
	for name, value := range keys {
		if text, ok := value.(string); ok {
			store[path+"/"+name] = text
		} else {
			flatten(path+"/"+name, value.(map[string]interface{}))
		}
	}
}

// setting is the text of a line `name = "text"`.
func setting(conf, name string) string {
	found := regexp.MustCompile(`(?m)^` + name + `\s*=\s*"(.*)"$`).FindStringSubmatch(conf)
	if found == nil {
		return ""
	}
	return found[1]
}

func read(path string) string {
	content, err := os.ReadFile(path)
	check(err)
	return strings.TrimPrefix(string(content), "\ufeff")
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
