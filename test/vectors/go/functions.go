package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"reflect"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"text/template"
	"time"

	"vectors/memkv"
)

// store contains the keys that look-ups find.
var store = map[string]string{
	"/app/name": "shop", "/app/port": "8080", "/app/host": "example.com", "/app/empty": "",
	"/app/json":       `{"b":[1,2.5,null,true],"a":{"x":1000000,"y":"é"},"big":123456789012,"z":1e21}`,
	"/app/list":       `["b","a",3,null,{"k":"v"}]`,
	"/services/web/b": "10.0.0.2:80", "/services/web/a": "10.0.0.1:80", "/services/web/c/deep": "x",
	"/services/api/long-name": "10.1.0.1:80", "/u/é": "ü", "/u/日本": "語",
}

func sorted() memkv.KVPairs {
	var all memkv.KVPairs
	for k, v := range store {
		all = append(all, memkv.KVPair{Key: k, Value: v})
	}
	sort.Sort(all)
	return all
}

func missing(key string) error { return fmt.Errorf("key does not exist: %s", key) }

// functions are those of confd and its active fork, and a few that make values of types that
// JSON lacks.
func functions() template.FuncMap {
	m := template.FuncMap{}
	lookups(m)
	strings_(m)
	collections(m)
	utility(m)
	values(m)
	return m
}

func lookups(m template.FuncMap) {
	m["exists"] = func(key string) bool { _, ok := store[key]; return ok }
	m["get"] = func(key string) (memkv.KVPair, error) {
		if v, ok := store[key]; ok {
			return memkv.KVPair{Key: key, Value: v}, nil
		}
		return memkv.KVPair{}, missing(key)
	}
	m["getv"] = func(key string, or ...string) (string, error) {
		if v, ok := store[key]; ok {
			return v, nil
		}
		if len(or) > 0 {
			return or[0], nil
		}
		return "", missing(key)
	}
	gets := func(pattern string) (memkv.KVPairs, error) {
		var found memkv.KVPairs
		for _, p := range sorted() {
			ok, err := path.Match(pattern, p.Key)
			if err != nil {
				return nil, err
			}
			if ok {
				found = append(found, p)
			}
		}
		return found, nil
	}
	m["gets"] = gets
	m["getvs"] = func(pattern string) ([]string, error) {
		found, err := gets(pattern)
		all := make([]string, len(found))
		for i, p := range found {
			all[i] = p.Value
		}
		sort.Strings(all)
		return all, err
	}
	below := func(dir string, dirs bool) []string {
		seen := map[string]bool{}
		prefix := strings.TrimSuffix(dir, "/") + "/"
		for k := range store {
			rest, ok := strings.CutPrefix(k, prefix)
			name, _, deeper := strings.Cut(rest, "/")
			if ok && (deeper || !dirs) {
				seen[name] = true
			}
			if k == dir && !dirs {
				seen[path.Base(k)] = true
			}
		}
		names := make([]string, 0, len(seen))
		for name := range seen {
			names = append(names, name)
		}
		sort.Strings(names)
		return names
	}
	m["ls"] = func(dir string) []string { return below(dir, false) }
	m["lsdir"] = func(dir string) []string { return below(dir, true) }
}

func strings_(m template.FuncMap) {
	m["base"] = path.Base
	m["dir"] = path.Dir
	m["split"] = strings.Split
	m["join"] = strings.Join
	m["toUpper"] = strings.ToUpper
	m["toLower"] = strings.ToLower
	m["contains"] = strings.Contains
	m["replace"] = strings.Replace
	m["trimSuffix"] = strings.TrimSuffix
	m["trimPrefix"] = strings.TrimPrefix
	m["atoi"] = strconv.Atoi
	m["parseBool"] = strconv.ParseBool
	m["base64Encode"] = func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	m["base64Decode"] = func(s string) (string, error) {
		b, err := base64.StdEncoding.DecodeString(s)
		return string(b), err
	}
	m["sha256sum"] = func(s string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(s))) }
	m["quote"] = func(s string) string { return fmt.Sprintf("%q", s) }
	m["squote"] = func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
	m["repeat"] = func(n int, s string) string {
		if n < 0 {
			n = 0
		}
		return strings.Repeat(s, n)
	}
	m["regexMatch"] = regexp.MatchString
	m["regexFind"] = func(pattern, s string) (string, error) {
		re, err := regexp.Compile(pattern)
		if err != nil {
			return "", err
		}
		return re.FindString(s), nil
	}
	m["regexReplaceAll"] = func(pattern, s, by string) (string, error) {
		re, err := regexp.Compile(pattern)
		if err != nil {
			return "", err
		}
		return re.ReplaceAllString(s, by), nil
	}
}

func collections(m template.FuncMap) {
	m["add"] = func(a, b int) int { return a + b }
	m["sub"] = func(a, b int) int { return a - b }
	m["mul"] = func(a, b int) int { return a * b }
	m["div"] = func(a, b int) int { return a / b }
	m["mod"] = func(a, b int) int { return a % b }
	m["seq"] = func(first, last int) []int {
		var all []int
		for i := first; i <= last; i++ {
			all = append(all, i)
		}
		return all
	}
	dict := func(items ...interface{}) (map[string]interface{}, error) {
		if len(items)%2 != 0 {
			return nil, errors.New("invalid map call")
		}
		made := map[string]interface{}{}
		for i := 0; i < len(items); i += 2 {
			key, ok := items[i].(string)
			if !ok {
				return nil, errors.New("map keys must be strings")
			}
			made[key] = items[i+1]
		}
		return made, nil
	}
	m["map"], m["dict"] = dict, dict
	m["list"] = func(items ...interface{}) []interface{} { return items }
	m["json"] = func(s string) (made map[string]interface{}, err error) {
		err = json.Unmarshal([]byte(s), &made)
		return
	}
	m["jsonArray"] = func(s string) (made []interface{}, err error) {
		err = json.Unmarshal([]byte(s), &made)
		return
	}
	m["fromJson"] = func(s string) (made interface{}, err error) {
		err = json.Unmarshal([]byte(s), &made)
		return
	}
	m["toJson"] = func(v interface{}) (string, error) {
		b, err := json.Marshal(v)
		return string(b), err
	}
	m["toPrettyJson"] = func(v interface{}) (string, error) {
		b, err := json.MarshalIndent(v, "", "  ")
		return string(b), err
	}
	m["reverse"] = func(v interface{}) interface{} {
		switch all := v.(type) {
		case []string:
			for i, j := 0, len(all)-1; i < j; i, j = i+1, j-1 {
				all[i], all[j] = all[j], all[i]
			}
		case []memkv.KVPair:
			for i, j := 0, len(all)-1; i < j; i, j = i+1, j-1 {
				all[i], all[j] = all[j], all[i]
			}
		}
		return v
	}
	m["sortByLength"] = func(all []string) []string {
		sort.SliceStable(all, func(i, j int) bool { return len(all[i]) < len(all[j]) })
		return all
	}
	m["sortKVByLength"] = func(all []memkv.KVPair) []memkv.KVPair {
		sort.SliceStable(all, func(i, j int) bool { return len(all[i].Key) < len(all[j].Key) })
		return all
	}
	m["default"] = func(or, v interface{}) interface{} {
		if truth, _ := template.IsTrue(v); truth {
			return v
		}
		return or
	}
	m["ternary"] = func(a, b interface{}, which bool) interface{} {
		if which {
			return a
		}
		return b
	}
}

// values have types that JSON lacks.
func values(m template.FuncMap) {
	m["ints"] = func() []int { return []int{3, 1, 2} }
	m["noints"] = func() []int { return nil }
	m["floats"] = func() []float64 { return []float64{1, 2.5, 1e6, 1e-7, 123456789} }
	m["intmap"] = func() map[int]string { return map[int]string{10: "ten", 2: "two", -1: "minus"} }
	m["boolmap"] = func() map[bool]int { return map[bool]int{true: 1, false: 0} }
	m["nilmap"] = func() map[string]interface{} { return nil }
	m["byte"] = func(n int) uint8 { return uint8(n) }
	m["int64"] = func(n int) int64 { return int64(n) }
	m["pair"] = func() memkv.KVPair { return memkv.KVPair{Key: "/k", Value: "v"} }
	m["adder"] = func() func(int, int) int { return func(a, b int) int { return a + b } }
	m["joiner"] = func() func(string, ...string) string {
		return func(sep string, all ...string) string { return strings.Join(all, sep) }
	}
	m["fail"] = func(s string) (string, error) { return "", errors.New(s) }
	m["typeof"] = func(v interface{}) string { return fmt.Sprint(reflect.TypeOf(v)) }
	m["moment"] = func() time.Time { return time.Date(2009, 11, 10, 23, 4, 5, 67890123, time.UTC) }
	m["summer"] = func() time.Time { return time.Date(2024, 2, 29, 1, 2, 3, 0, time.UTC) }
	m["big"] = func(n int) string { return strings.Repeat("0123456789", n/10) }
}
