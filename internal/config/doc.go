// Package config finds what a setting is and who says so. Places are asked in the order flag, environment, the project's
// file (starburst.toml in the current folder), the profile ([profile.NAME] in the user's configuration file), what
// `starburst init --save` wrote of the stack; see [Resolve], which is a pure function from [Sources] to [Settings].
// [Load] reads the files.
//
// A stack is chosen as a whole: the first place that names one hides what the places below it say of stacks, so that the
// queue of one never meets the table of another.
//
// The files hold no secrets: credentials are the AWS SDK's.
package config
