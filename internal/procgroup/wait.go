package procgroup

import "os/exec"

// Wait is cmd.Wait that ends what the program has left behind in its group, too. ended, if not nil, is called when the
// program has ended: nobody should send signals to its id from then on. On Linux the id is not given to another before that.
func Wait(cmd *exec.Cmd, ended func()) error {
	pid := cmd.Process.Pid
	finish := func() {
		_ = Kill(pid)
		if ended != nil {
			ended()
		}
	}
	if awaitExit(pid) {
		finish()
		return cmd.Wait()
	}
	err := cmd.Wait()
	finish() // the id is another's by now only if all others were given out meanwhile
	return err
}
