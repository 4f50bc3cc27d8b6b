package strictjson

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"
)

// FuzzReadObject compares with encoding/json, which accepts the same texts if they are UTF-8.
func FuzzReadObject(f *testing.F) {
	for _, seed := range []string{
		`{}`, ` {"a" : 1 , "a":2}`, `{"\u0061":[1,-0.5e+10,{"b":null}],"c":"\ud83d\ude00\ud800"}`, `{"a":01}`, `{"a":1}x`,
		`[{}]`, `{"a":"` + "\x01" + `"}`, `{"":tru}`, `{"a":1,}`, `{"a"`, `{"a":"\`, `{"a":"\u12`, "{\"\u00e9\":[[[[]]]]}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		object, err := ReadObject(text)
		isObject := json.Valid(text) && bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("{"))
		if isObject != (err == nil) {
			t.Fatalf("got %v, but encoding/json says %v", err, isObject)
		}
		if err != nil || !utf8.Valid(text) {
			return
		}
		compare(t, text, object)
	})
}

func compare(t *testing.T, text []byte, object Object) {
	var members map[string]any
	if json.Unmarshal(text, &members) != nil {
		return // Such as a number that is out of range.
	}
	for name, value := range members {
		got := object.Get(name)
		if got == nil {
			continue // A name with a lone surrogate, which encoding/json replaces.
		}
		switch want := value.(type) {
		case string:
			if text, isText := got.Text(); !isText || utf8.ValidString(text) && text != want {
				t.Fatalf("%q: got %q, want %q", name, text, want)
			}
		case float64:
			if number, isNumber := got.Number(); !isNumber || number != want {
				t.Fatalf("%q: got %v, want %v", name, number, want)
			}
		}
	}
	if !object.RepeatsName() && len(members) > len(object) {
		t.Fatalf("got %d members, want %d", len(object), len(members))
	}
}
