package maint

import (
	"mirror"
	"mirror/store/index"
)

// act does about a file what can be done.
func (v *verifying) act(d *Verdict, rec index.Record) error {
	switch {
	case d.State != Damaged && d.State != Wrong && (d.State != Missing || !v.Missing):
		return nil
	case !rec.Ours:
		d.Text += "; it is not ours to repair"
		return nil
	case v.DryRun, rec.Target != "":
		return nil
	}
	why, err := v.repair(d.Name)
	switch {
	case err != nil:
		return err
	case why == "":
		d.Done = Repaired
		return nil
	case d.Text != "":
		d.Text += "; "
	}
	d.Text += "it could not be repaired: " + why
	if d.State != Damaged || v.Keep {
		return nil
	}
	path, err := v.Engine.Quarantine(v.ctx, rec)
	if err != nil {
		d.Text += "; and not be taken away: " + err.Error()
		return v.ctx.Err()
	}
	d.Done = Quarantined
	d.Text += "; it is now " + path
	return nil
}

// repair fetches a file anew, and says why it is not right afterwards; "": it is.
func (v *verifying) repair(name mirror.Name) (why string, err error) {
	_, err = v.Engine.Repair(v.ctx, name)
	if err != nil {
		return err.Error(), v.ctx.Err()
	}
	rec, known, err := v.Engine.Index().File(v.ctx, string(name))
	if err != nil || !known {
		return "it is gone again", err
	}
	again, err := v.examine(rec)
	switch {
	case err != nil:
		return "", err
	case again.State == Wrong:
		return "what the upstream sends is wrong, too: " + again.Text, nil
	case again.State != Right:
		return "what was fetched is " + again.State + " again: " + again.Text, nil
	}
	return "", nil
}
