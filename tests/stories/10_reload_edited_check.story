# An edited health check is probed at once; the state stays, and the counter starts over in its favour.

check web interval=2s fast-interval=500ms rise=2 fall=3
backend b1 10.0.0.1 check=web
backend b2 10.0.0.2 check=web
backend b3 10.0.0.3 check=web
backend b4 10.0.0.4 check=web
frontend www 192.0.2.1 primary: b1=100 b2=100 b3=100 b4=100

start
         probe b1 L4OK b2 L4CON b4 L4OK
         expect told b1 unknown -> up L4OK www 0->100
         expect told b2 unknown -> down L4CON www 0->0
         expect told b4 unknown -> up L4OK www 0->100
         operator pause b4
         expect told b4 up -> paused paused by alice www 100->0

check web interval=1s fast-interval=200ms rise=3 fall=2
t=1s     reload
         expect told nothing
         expect b1 up h=4/4 every=1s
         expect b2 down h=0/4 every=1s
         expect b3 unknown h=2/4 every=200ms
         expect b4 paused every=never
         expect www up b1=100 b2=0 b3=0 b4=0

# The new check fails: one failure is forgiven, the second is not.
t=2s     probe b1 L4TOUT
         expect b1 up h=3/4
t=3s     probe b1 L4TOUT
         expect told b1 up -> down L4TOUT www 100->0 flush

# Paused over the reload, b4 begins under the new check.
         operator resume b4
         expect told b4 paused -> unknown resumed by alice www 0->0
         expect b4 unknown h=4/4 every=200ms

# Another network namespace is another check for everyone.
netns blue
t=4s     reload
         expect told nothing
         expect b1 down h=0/4
