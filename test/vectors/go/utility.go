package main

import (
	"sort"
	"strings"
	"text/template"
	"unicode"
)

// empty reports whether the fork's default, coalesce and empty treat a value as empty.
func empty(v interface{}) bool {
	truth, ok := template.IsTrue(v)
	return ok && !truth
}

func indent(n int, s string) string {
	if s == "" {
		return ""
	}
	if n < 0 {
		n = 0
	}
	pad := strings.Repeat(" ", n)
	return pad + strings.ReplaceAll(s, "\n", "\n"+pad)
}

// words splits at separators, before an upper case letter after a lower case one, and before the last
// of several upper case letters when a lower case one follows.
func words(s string) (all []string) {
	runes := []rune(s)
	var word []rune
	cut := func() {
		if len(word) > 0 {
			all = append(all, string(word))
		}
		word = nil
	}
	for i, r := range runes {
		if strings.ContainsRune("_- ", r) {
			cut()
			continue
		}
		if unicode.IsUpper(r) && len(word) > 0 {
			if i+1 < len(runes) && unicode.IsLower(runes[i+1]) || !unicode.IsUpper(runes[i-1]) {
				cut()
			}
		}
		word = append(word, r)
	}
	cut()
	return
}

func joined(s, sep string) string {
	all := words(s)
	for i, w := range all {
		all[i] = strings.ToLower(w)
	}
	return strings.Join(all, sep)
}

func utility(m template.FuncMap) {
	m["empty"] = empty
	m["coalesce"] = func(all ...interface{}) interface{} {
		for _, v := range all {
			if !empty(v) {
				return v
			}
		}
		return nil
	}
	m["indent"] = indent
	m["nindent"] = func(n int, s string) string { return "\n" + indent(n, s) }
	m["nospace"] = func(s string) string {
		return strings.Map(func(r rune) rune {
			if unicode.IsSpace(r) {
				return -1
			}
			return r
		}, s)
	}
	m["snakecase"] = func(s string) string { return joined(s, "_") }
	m["kebabcase"] = func(s string) string { return joined(s, "-") }
	m["camelcase"] = func(s string) string {
		all := words(s)
		for i, w := range all {
			if i == 0 {
				all[i] = strings.ToLower(w)
			} else {
				runes := []rune(w)
				all[i] = strings.ToUpper(string(runes[:1])) + strings.ToLower(string(runes[1:]))
			}
		}
		return strings.Join(all, "")
	}
	m["hasKey"] = func(in map[string]interface{}, key string) bool { _, ok := in[key]; return ok }
	keys := func(in map[string]interface{}) []string {
		all := make([]string, 0, len(in))
		for key := range in {
			all = append(all, key)
		}
		sort.Strings(all)
		return all
	}
	m["keys"] = keys
	m["values"] = func(in map[string]interface{}) []interface{} {
		all := []interface{}{}
		for _, key := range keys(in) {
			all = append(all, in[key])
		}
		return all
	}
	m["append"] = func(all []interface{}, v interface{}) []interface{} { return append(all[:len(all):len(all)], v) }
	m["pluck"] = func(key string, maps ...map[string]interface{}) (all []interface{}) {
		for _, in := range maps {
			if v, ok := in[key]; ok {
				all = append(all, v)
			}
		}
		return
	}
}
