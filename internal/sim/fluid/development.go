package fluid

// TraceName is a recorded load by the name of its file, without extensions, and its class.
type TraceName struct{ Name, Class string }

// Development are the traces that policies may be tuned on. The classes are for averages: load that a season
// explains, load that nothing explains, and LLM services (semi-synthetic).
func Development() []TraceName {
	return []TraceName{
		{"crane_00", "seasonal"},
		{"crane_01", "bursty"},
		{"crane_02", "seasonal"},
		{"crane_04", "seasonal"},
		{"crane_05", "bursty"},
		{"crane_07", "bursty"},
		{"crane_08", "seasonal"},
		{"crane_15", "seasonal"},
		{"servegen_m-large_10s_ss", "llm"},
		{"servegen_m-mid_wk1_10s_ss", "llm"},
	}
}
