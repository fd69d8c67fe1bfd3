# Pause takes the weight away and leaves the flows alone; no probe is sent until resume.

check web interval=2s fast-interval=500ms rise=2 fall=3
backend b1 10.0.0.1 check=web
backend b2 10.0.0.2 check=web
frontend www 192.0.2.1 primary: b1=100 b2=100

start
         probe b1 L4OK b2 L4OK
         expect told b1 unknown -> up L4OK www 0->100
         expect told b2 unknown -> up L4OK www 0->100
t=1s     operator pause b1
         expect told b1 up -> paused paused by alice www 100->0
         expect b1 paused every=never
         expect www up b1=0 b2=100
t=2s     operator pause b1 -> no change
t=3s     operator enable b1 -> no change
         expect forgotten b1 paused

# Resume begins anew, with its history kept.
t=60s    operator resume b1
         expect told b1 paused -> unknown resumed by alice www 0->0
         expect b1 unknown h=4/4 every=500ms history=unknown,paused,up
         expect www up b1=0 b2=100
t=61s    operator resume b1 -> no change
         probe b1 L4OK
         expect told b1 unknown -> up L4OK www 0->100
         expect forgotten nothing
