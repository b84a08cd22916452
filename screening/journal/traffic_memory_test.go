package journal

import (
	"context"
	"encoding/json"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/linewarden/linewarden/numberdb"
)

// trafficMemory is a store of sketches in memory that can be away.
type trafficMemory struct {
	mu     sync.Mutex
	err    error // what everything answers
	blocks map[numberdb.Day]map[int]map[string][]byte
	runs   map[numberdb.Day]map[string][]byte
	ends   map[numberdb.Day]time.Time
	writes int
}

func newTrafficMemory() *trafficMemory {
	return &trafficMemory{
		blocks: map[numberdb.Day]map[int]map[string][]byte{}, runs: map[numberdb.Day]map[string][]byte{}, ends: map[numberdb.Day]time.Time{},
	}
}

func (m *trafficMemory) set(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = err
}

func (m *trafficMemory) KeepTraffic(_ context.Context, day numberdb.Day, run string, blocks map[int][]byte, end time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return m.err
	}
	if m.blocks[day] == nil {
		m.blocks[day] = map[int]map[string][]byte{}
	}
	for i, b := range blocks {
		if m.blocks[day][i] == nil {
			m.blocks[day][i] = map[string][]byte{}
		}
		m.blocks[day][i][run] = b
		m.writes++
	}
	m.ends[day] = end
	return nil
}

func (m *trafficMemory) KeepTrafficRun(_ context.Context, day numberdb.Day, run string, record []byte, end time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return m.err
	}
	if m.runs[day] == nil {
		m.runs[day] = map[string][]byte{}
	}
	m.runs[day][run] = record
	m.ends[day] = end
	return nil
}

func (m *trafficMemory) Traffic(_ context.Context, day numberdb.Day, blocks []int) (found []map[string][]byte, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, i := range blocks {
		found = append(found, maps.Clone(m.blocks[day][i]))
	}
	return found, m.err
}

func (m *trafficMemory) TrafficRuns(_ context.Context, day numberdb.Day) (map[string][]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.runs[day]), m.err
}

// change changes the records of a day.
func (m *trafficMemory) change(t *testing.T, at time.Time, change func(*trafficRun)) {
	t.Helper()
	runs := m.runs[numberdb.DayOf(at)]
	for name, record := range runs {
		var r trafficRun
		if err := json.Unmarshal(record, &r); err != nil {
			t.Fatal(err)
		}
		change(&r)
		runs[name] = r.encode()
	}
}

// spoilRuns puts something in the place of the records of a day, nil to remove them.
func (m *trafficMemory) spoilRuns(at time.Time, record []byte) {
	for name := range m.runs[numberdb.DayOf(at)] {
		if m.runs[numberdb.DayOf(at)][name] = record; record == nil {
			delete(m.runs[numberdb.DayOf(at)], name)
		}
	}
}

// spoilBlocks puts something in the place of the blocks of a day.
func (m *trafficMemory) spoilBlocks(at time.Time, block []byte) {
	for _, runs := range m.blocks[numberdb.DayOf(at)] {
		for name := range runs {
			runs[name] = block
		}
	}
}
