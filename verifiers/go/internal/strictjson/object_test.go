package strictjson

import (
	"fmt"
	"strings"
	"testing"
)

func TestARepeatedNameIsFoundHoweverItIsWritten(t *testing.T) {
	many := ""
	for at := range 40 {
		many += fmt.Sprintf(`"n%d":1,`, at)
	}
	for text, want := range map[string]bool{
		`{"kid":1,"\u006bid":2}`:             true,
		`{"kid":1,"Kid":2}`:                  false,
		`{"\ud800":1,"\ud801":2,"\ufffd":3}`: false,
		`{"\ud800":1,"\uD800":2}`:            true,
		`{"\ud83d\ude00":1,"😀":2}`:           true,
		`{"a":{"b":1,"b":2}}`:                false,
		`{` + many + `"x":1}`:                false,
		`{` + many + `"n39":1}`:              true,
	} {
		object, err := ReadObject([]byte(text))
		if err != nil || object.RepeatsName() != want {
			t.Errorf("%s: got %v and %v, want %v", text, object.RepeatsName(), err, want)
		}
	}
}

func TestTheLastOfRepeatedNamesCountsInGet(t *testing.T) {
	object, _ := ReadObject([]byte(`{"a":1,"a":2}`))
	if got := string(object.Get("a")); got != "2" {
		t.Errorf("got %s", got)
	}
}

func TestDeepNestingIsRefusedInsteadOfOverflowingTheStack(t *testing.T) {
	const depth = 20_000_000
	text := `{"a":` + strings.Repeat("[", depth) + strings.Repeat("]", depth) + `}`
	if _, err := ReadObject([]byte(text)); err == nil {
		t.Error("accepted")
	}
	if _, err := ReadObject([]byte(`{"a":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`)); err != nil {
		t.Error("5,000 levels were refused")
	}
}

func TestWholeNumbersAreDoubles(t *testing.T) {
	for text, want := range map[string]bool{
		"600": true, "600.0": true, "6e2": true, "-0": true, "600.5": false, "1e400": false, "9007199254740992": false,
		"true": false, `"600"`: false, "null": false, "-1": false, "1e-400": true,
	} {
		object, _ := ReadObject([]byte(`{"n":` + text + `}`))
		if _, isWhole := object.Get("n").Whole(0, 1<<53-1); isWhole != want {
			t.Errorf("%s: got %v, want %v", text, isWhole, want)
		}
	}
}
