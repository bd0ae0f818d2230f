// Package trace reads recorded load: requests per time bucket, single requests, and spot capacity.
//
//	load      t_s,requests,prompt_tokens,output_tokens[,active_clients]   sums per bucket
//	matrix    t_s,c<client>,...                                           requests per bucket and client
//	requests  t_ms,prompt_tokens,output_tokens,blocks512,prefix_hit_blocks,session
//	spot      t_s,<zone>,...                                              nodes available at the tick
//	azure     TIMESTAMP,ContextTokens,GeneratedTokens                     Azure LLM inference 2023 and 2024
//	burstgpt  Timestamp,Model,Request tokens,Response tokens,...          columns in any order
//	mooncake  {"timestamp","input_length","output_length","hash_ids"}     one JSON object per line
//
// The format is found from the first line; files may be plain or gzip whatever their name. Reading is
// strict: an error names file, line, column, what was wanted and what was there, and up to ten of them
// come together. What is not known is NaN, never zero: an empty cell, a missing row, and zeros that an
// index.json beside the file calls holes.
package trace
