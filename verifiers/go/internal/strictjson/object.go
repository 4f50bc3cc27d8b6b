package strictjson

// Member is a name, as it is after unescaping, and the text of its value.
type Member struct {
	Name  string
	Value Value
}

// Object holds the members of an object in their order, repeated names included.
type Object []Member

const usualMembers = 16

// ReadObject reads a text that is one object, with white space around it at most.
func ReadObject(text []byte) (Object, error) {
	members := make(Object, 0, usualMembers)
	s := scanner{text: text}
	s.skipSpace()
	if s.at >= len(text) || text[s.at] != '{' {
		return nil, errSyntax
	}
	err := s.object(0, func(name string, value Value) { members = append(members, Member{name, value}) })
	return members, s.atEnd(err)
}

// EachItem passes the items of a text that is one array to visit. Items may be visited before an error is found.
func EachItem(text []byte, visit func(Value)) error {
	s := scanner{text: text}
	s.skipSpace()
	if s.at >= len(text) || text[s.at] != '[' {
		return errSyntax
	}
	return s.atEnd(s.array(0, visit))
}

func (s *scanner) atEnd(err error) error {
	if err != nil {
		return err
	}
	if s.skipSpace(); s.at != len(s.text) {
		return errSyntax
	}
	return nil
}

// Get returns the value of a name; of a repeated name, the last one. It returns nil if there is none.
func (o Object) Get(name string) Value {
	for at := len(o) - 1; at >= 0; at-- {
		if o[at].Name == name {
			return o[at].Value
		}
	}
	return nil
}

// Has tells whether a name is there, whatever its value.
func (o Object) Has(name string) bool { return o.Get(name) != nil }

// RepeatsName tells whether two members have the same name.
func (o Object) RepeatsName() bool {
	if len(o) <= usualMembers {
		for at := range o {
			for _, other := range o[:at] {
				if other.Name == o[at].Name {
					return true
				}
			}
		}
		return false
	}
	// A token of 4 KiB can have 500 members, so comparing all pairs would cost more than its signature.
	seen := make(map[string]struct{}, len(o))
	for _, member := range o {
		seen[member.Name] = struct{}{}
	}
	return len(seen) < len(o)
}
