package main

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/agnivade/levenshtein"
	"github.com/goccy/go-yaml/ast"
)

// shape compares a YAML file with the type that it is to fill, before it is decoded. The YAML library would turn 1.5 into 1, take
// a key without value as unset, ignore a second document and name neither the path nor the nearest right key: an operator's
// mistake deserves a line that says where it is and what to write.
type shape struct {
	file   string
	lines  map[string]int // by path, of every key in the file
	faults configFaults
}

// check walks a node beside the type that it has to fit. path is the node's, such as asterisk[0].url.
func (s *shape) check(n ast.Node, t reflect.Type, path string) {
	switch n := n.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode:
		s.fault(n, path, "anchors, aliases and tags are not understood here", "write the value itself")
		return
	case *ast.NullNode:
		if isScalar(t) {
			s.fault(n, path, "has no value", "write "+wanted(t)+" or remove the line")
		}
		return
	}
	switch {
	case isScalar(t):
		s.checkScalar(n, t, path)
	case t.Kind() == reflect.Slice:
		list, ok := n.(*ast.SequenceNode)
		if !ok {
			s.fault(n, path, "needs a list, not "+found(n), "write it as [one, two], or one item a line, each after a hyphen")
			return
		}
		for i, item := range list.Values {
			at := fmt.Sprintf("%s[%d]", path, i)
			s.lines[at] = item.GetToken().Position.Line
			s.check(item, t.Elem(), at)
		}
	default:
		s.checkMapping(n, t, path)
	}
}

// checkMapping is check where the type is a struct, or a map with free keys.
func (s *shape) checkMapping(n ast.Node, t reflect.Type, path string) {
	m, ok := n.(*ast.MappingNode)
	if !ok {
		s.fault(n, path, "needs keys of its own, not "+found(n), "write "+example(t))
		return
	}
	for _, pair := range m.Values {
		key, ok := pair.Key.(*ast.StringNode)
		if !ok {
			s.fault(pair.Key, path, "has a key that is not plain text", "write the key as text")
			continue
		}
		at := strings.TrimPrefix(path+"."+key.Value, ".")
		s.lines[at] = key.GetToken().Position.Line
		if t.Kind() == reflect.Map {
			s.check(pair.Value, t.Elem(), at)
			continue
		}
		field, ok := fieldByKey(t, key.Value)
		if !ok {
			s.fault(key, at, "unknown key", nearest(key.Value, keysOf(t)))
			continue
		}
		s.check(pair.Value, field.Type, at)
	}
}

func (s *shape) checkScalar(n ast.Node, t reflect.Type, path string) {
	if word, ok := reflect.New(t).Interface().(encoding.TextUnmarshaler); ok && t != reflect.TypeFor[secret]() {
		if err := word.UnmarshalText([]byte(n.GetToken().Value)); err != nil {
			s.fault(n, path, err.Error(), "")
		}
		return
	}
	ok := false
	switch n := n.(type) {
	case *ast.StringNode:
		switch {
		case t == reflect.TypeFor[time.Duration]():
			_, err := time.ParseDuration(n.Value)
			ok = err == nil
		case t.Kind() == reflect.String, t == reflect.TypeFor[secret]():
			ok = true
		}
	case *ast.LiteralNode:
		ok = t.Kind() == reflect.String || t == reflect.TypeFor[secret]()
	case *ast.IntegerNode:
		// Digits are read as they are written, but a secret that looks like a number may not be: 0x10, 1_000.
		ok = t.Kind() == reflect.String || isInt(t) || t.Kind() == reflect.Float64
	case *ast.FloatNode:
		ok = t.Kind() == reflect.Float64
	case *ast.BoolNode:
		ok = t.Kind() == reflect.Bool
	}
	if !ok {
		s.fault(n, path, "needs "+wanted(t)+", not "+found(n), "")
	}
}

func (s *shape) fault(n ast.Node, path, what, hint string) {
	s.faults = append(s.faults, configFault{
		Where: fmt.Sprintf("%s:%d", s.file, n.GetToken().Position.Line), Key: path, What: what, Hint: hint,
	})
}

func isInt(t reflect.Type) bool {
	return t != reflect.TypeFor[time.Duration]() && t.Kind() >= reflect.Int && t.Kind() <= reflect.Uint64
}

func isScalar(t reflect.Type) bool {
	if t == reflect.TypeFor[secret]() {
		return true
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Map, reflect.Slice:
		return false
	}
	return true
}

// wanted describes the values that fit a type.
func wanted(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return "a time such as 500ms, 3s or 24h"
	case t == reflect.TypeFor[secret]():
		return "text in quotes"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case isInt(t):
		return "a whole number"
	case t.Kind() == reflect.Float64:
		return "a number"
	}
	return "text"
}

// found describes what stands in the file; a value is not repeated, because it may be a secret.
func found(n ast.Node) string {
	switch n.Type() {
	case ast.MappingType, ast.MappingValueType:
		return "keys"
	case ast.SequenceType:
		return "a list"
	case ast.BoolType:
		return "true or false"
	case ast.IntegerType:
		return "a whole number"
	case ast.FloatType, ast.InfinityType, ast.NanType:
		return "a number with a fraction"
	case ast.NullType:
		return "nothing"
	}
	return "text"
}

// example shows a key of a block.
func example(t reflect.Type) string {
	if t.Kind() == reflect.Map {
		return "a name, a colon, and below it its keys"
	}
	return fmt.Sprintf("%q and the like below it, indented", keysOf(t)[0]+": ...")
}

// fieldByKey is the field of a struct for a YAML key.
func fieldByKey(t reflect.Type, key string) (reflect.StructField, bool) {
	for f := range t.Fields() {
		if key != "" && f.Tag.Get("yaml") == key {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

// keysOf lists the YAML keys of a struct.
func keysOf(t reflect.Type) []string {
	var keys []string
	for f := range t.Fields() {
		if key := f.Tag.Get("yaml"); key != "" {
			keys = append(keys, key)
		}
	}
	return keys
}

// nearest is a hint at the right name: the one that is most like what was written, or all if none is like it.
func nearest(written string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	distance := func(name string) int {
		return levenshtein.ComputeDistance(strings.ToLower(written), strings.ToLower(name))
	}
	best := slices.MinFunc(names, func(a, b string) int { return distance(a) - distance(b) })
	if d := distance(best); d <= max(1, (len(best)+1)/3) {
		return fmt.Sprintf("did you mean %s?", best)
	}
	return "known are " + strings.Join(names, ", ")
}
