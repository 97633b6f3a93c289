// Package joblog writes and reads the job log of GNU parallel: a line of tab-separated
// text for each task that a program was run for, in the order in which they ended.
//
//	Seq Host Starttime JobRuntime Send Receive Exitval Signal Command
//
// Several processes may append to one file at a time.
package joblog
